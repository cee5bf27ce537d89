/** The parameters of a function as it is written: between the first brackets, or the only one before an arrow. */
const ONE_PARAMETER = /^(?:async\s+)?[\w$]+\s*=>/;

/**
 * How many arguments a function has names for, so that one more would be ignored. Undefined where it may take more, or
 * where its text does not say: with rest or default parameters, with `arguments`, of functions that are not written in
 * JavaScript.
 */
// biome-ignore lint/complexity/noBannedTypes: any function at all
export function mostArguments(run: Function): number | undefined {
  const text = Function.prototype.toString.call(run);
  if (ONE_PARAMETER.test(text)) return run.length;
  const list = parametersIn(text);
  if (list === undefined || /[=/]|\.\.\./.test(list) || /\[native code\]|\barguments\b/.test(text)) {
    return undefined;
  }
  return run.length;
}

function parametersIn(text: string): string | undefined {
  const start = text.indexOf("(");
  let depth = 0;
  for (let index = start; start >= 0 && index < text.length; index += 1) {
    if (text[index] === "(") depth += 1;
    else if (text[index] === ")") depth -= 1;
    if (depth === 0) return text.slice(start + 1, index);
  }
  return undefined;
}
