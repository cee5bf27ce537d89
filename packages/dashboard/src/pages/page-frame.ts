import { MARK_PATH, SCRIPT_PATH, STYLESHEET_PATH } from "./assets.ts";
import { html, type Markup } from "./markup.ts";

export interface PageFrameOptions {
  title: string;
  /** Absent on pages for visitors who are not signed in. */
  namespace?: string;
  /** Whether the page follows the stream of events. */
  live?: boolean;
}

/** The document around a page: head, header with the navigation, and `main`. */
export function pageFrame(content: Markup, { title, namespace, live }: PageFrameOptions): Markup {
  return html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="robots" content="noindex" />
    <meta name="color-scheme" content="light dark" />
    <title>${title}</title>
    <link rel="icon" type="image/svg+xml" href="${MARK_PATH}" />
    <link rel="stylesheet" href="${STYLESHEET_PATH}" />
    ${live ? html`<script defer src="${SCRIPT_PATH}"></script><noscript><meta http-equiv="refresh" content="5" /></noscript>` : ""}
  </head>
  <body>
    <a class="skip" href="#overview">Skip to content</a>
    <header class="top">
      <a class="brand" href="/"><img src="${MARK_PATH}" alt="" width="24" height="24" />manyhands</a>
      ${
        namespace === undefined
          ? ""
          : html`<span class="namespace" title="Namespace">${namespace}</span>
      <nav aria-label="Pages">
        <a href="/" aria-current="page">Overview</a>
        <a href="/bull-board">Bull Board</a>
      </nav>
      <span class="connection" id="connection" role="status">${live ? "connecting" : ""}</span>`
      }
    </header>
    <main id="overview" tabindex="-1">${content}</main>
  </body>
</html>`;
}
