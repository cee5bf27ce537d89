/**
 * A text of a program as it may be drawn: control characters and those that turn the direction of what follows are shown as
 * their numbers, and lone surrogates as the sign for them.
 */
export function visible(text: string): string {
  return text.toWellFormed().replace(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, (character) => {
    const number = character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0");
    return `[U+${number}]`;
  });
}

/** At most so many characters; what is left out is an ellipsis. */
export function shortened(text: string, most: number): string {
  const characters = [...visible(text)];
  return characters.length <= most ? characters.join("") : `${characters.slice(0, most - 1).join("")}…`;
}
