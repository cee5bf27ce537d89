import { OpenAPIHono } from "./open-api.ts";
import { problem } from "./problem.ts";

/** An app whose routes answer a request that does not fit their schema with a problem that names each part. */
export function apiApp(): OpenAPIHono {
  return new OpenAPIHono({
    defaultHook: (result, context) => {
      if (result.success) return undefined;
      const errors = result.error.issues.map(({ path, message }) => ({ path: path.map(String).join("."), message }));
      const detail = errors.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; ");
      return problem(context, 400, { detail: detail, errors });
    },
  });
}
