import { SIGN_IN_SCRIPT_PATH } from "./assets.ts";
import { html, type Markup } from "./markup.ts";
import { pageFrame } from "./page-frame.ts";

/** Where the form sends the token: in its body, so that no address, history or log has it. */
export const SIGN_IN_PATH = "/sign-in";

/** Asks a browser for the token. @param complaint - What was wrong with the last one. */
export function signInPage(complaint: string | null): Markup {
  return pageFrame(
    html`<form class="sign-in" id="sign-in" method="post" action="${SIGN_IN_PATH}">
      <h1>This dashboard needs its token</h1>
      <p>It is in the address that <code>manyhands dashboard</code> printed when it started.</p>
      ${complaint === null ? "" : html`<p class="complaint" role="alert">${complaint}</p>`}
      <label for="token">Token</label>
      <input id="token" name="token" type="password" autocomplete="current-password" required autofocus />
      <button type="submit">Open the dashboard</button>
    </form>
    <script src="${SIGN_IN_SCRIPT_PATH}"></script>`,
    { title: "manyhands: token needed" },
  );
}
