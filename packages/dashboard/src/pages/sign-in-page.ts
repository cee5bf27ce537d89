import { html, type Markup } from "./markup.ts";
import { pageFrame } from "./page-frame.ts";

/** Asks a browser for the token. @param complaint - What was wrong with the last one. */
export function signInPage(complaint: string | null): Markup {
  return pageFrame(
    html`<form class="sign-in" method="get" action="/">
      <h1>This dashboard needs its token</h1>
      <p>It is in the address that <code>manyhands dashboard</code> printed when it started.</p>
      ${complaint === null ? "" : html`<p class="complaint" role="alert">${complaint}</p>`}
      <label for="token">Token</label>
      <input id="token" name="token" type="password" autocomplete="current-password" required autofocus />
      <button type="submit">Open the dashboard</button>
    </form>`,
    { title: "manyhands: token needed" },
  );
}
