/** The one door to the library: its zod knows `openapi()`. */
export { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
