import { html } from "hono/html";

/** Escaped HTML; a promise only when one of its parts is one. */
export type Markup = ReturnType<typeof html>;

export { html };
