import { createHash } from "node:crypto";
import { Hono } from "hono";
import { signInScript } from "./sign-in-script.ts";
import { signInStyle } from "./sign-in-style.ts";

const mark = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#2f6f6a"/><g fill="#fff"><circle cx="9" cy="21" r="3"/><circle cx="16" cy="11" r="3"/><circle cx="23" cy="21" r="3"/></g><g stroke="#fff" stroke-width="1.6"><path d="M10.8 18.4 14.2 13.6M21.2 18.4 17.8 13.6M12.5 21h7"/></g></svg>`;

/** The names carry a digest of the content, so that a browser may keep a file without limit and never shows an old one. */
export const SIGN_IN_SCRIPT_PATH: string = `/assets/sign-in.${digest(signInScript)}.js`;
export const SIGN_IN_STYLE_PATH: string = `/assets/sign-in.${digest(signInStyle)}.css`;
export const MARK_PATH: string = `/assets/mark.${digest(mark)}.svg`;

/** What the sign-in page needs, and the icon that Bull Board shows; all of it public. */
export function assets(): Hono {
  const app = new Hono();
  const serve = (path: string, type: string, content: string) =>
    app.get(path, (context) =>
      context.body(content, 200, { "Content-Type": type, "Cache-Control": "public, max-age=31536000, immutable" }),
    );
  serve(SIGN_IN_SCRIPT_PATH, "text/javascript; charset=utf-8", signInScript);
  serve(SIGN_IN_STYLE_PATH, "text/css; charset=utf-8", signInStyle);
  serve(MARK_PATH, "image/svg+xml", mark);
  return app;
}

function digest(content: string): string {
  return createHash("sha256").update(content).digest("hex").slice(0, 10);
}
