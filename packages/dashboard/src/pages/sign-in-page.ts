import { MARK_PATH, SIGN_IN_SCRIPT_PATH, SIGN_IN_STYLE_PATH } from "./assets.ts";
import { html, type Markup } from "./markup.ts";
import { type Said, SIGN_IN_WORDS } from "./sign-in-words.ts";

/** Where the form sends the token: in its body, so that no address, history or log has it. */
export const SIGN_IN_PATH = "/sign-in";

export interface SignIn {
  /** What was wrong with the last token. */
  complaint: Said | null;
  language: keyof Said;
  /** Path that the visitor wanted; empty: the first page. */
  next: string;
  /** Where the dashboard is mounted, with a slash at the end. */
  home: string;
}

/** Asks a browser for the token. */
export function signInPage({ complaint, next, home, language }: SignIn): Markup {
  const said = (name: keyof typeof SIGN_IN_WORDS): string => SIGN_IN_WORDS[name][language];
  const under = (path: string) => home + path.slice(1);
  return html`<!doctype html>
<html lang="${language}">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="robots" content="noindex" />
    <meta name="color-scheme" content="light dark" />
    <title>${said("tab")} · manyhands</title>
    <link rel="icon" type="image/svg+xml" href="${under(MARK_PATH)}" />
    <link rel="stylesheet" href="${under(SIGN_IN_STYLE_PATH)}" />
  </head>
  <body>
    <main>
      <div class="brand"><img src="${under(MARK_PATH)}" alt="" width="26" height="26" />manyhands</div>
      <form id="sign-in" method="post" action="${under(SIGN_IN_PATH)}">
        <h1>${said("title")}</h1>
        ${complaint === null ? "" : html`<p class="note" role="alert">${complaint[language]}</p>`}
        <p>${said("before")} <code>manyhands dashboard</code> ${said("after")}</p>
        <div class="field">
          <label for="token">${said("token")}</label>
          <input id="token" name="token" type="password" autocomplete="current-password" required autofocus />
        </div>
        <input id="next" name="next" type="hidden" value="${next}" />
        <button type="submit">${said("open")}</button>
      </form>
    </main>
    <script src="${under(SIGN_IN_SCRIPT_PATH)}"></script>
  </body>
</html>`;
}
