import type { MiddlewareHandler } from "hono";
import { secureHeaders } from "hono/secure-headers";

const self = ["'self'"];
const shared: NonNullable<Parameters<typeof secureHeaders>[0]> = {
  // The dashboard speaks plain HTTP; the proxy that adds TLS decides about strict transport.
  strictTransportSecurity: false,
  xFrameOptions: "DENY",
  referrerPolicy: "no-referrer",
  permissionsPolicy: { camera: [], geolocation: [], microphone: [] },
};
const policy: NonNullable<(typeof shared)["contentSecurityPolicy"]> = {
  defaultSrc: ["'none'"],
  scriptSrc: self,
  styleSrc: self,
  imgSrc: ["'self'", "data:"],
  connectSrc: self,
  formAction: self,
  baseUri: ["'none'"],
  frameAncestors: ["'none'"],
};

/**
 * Nothing from elsewhere, on every page. Our own pages have nothing inline either; the pages below `relaxedPath` (Bull
 * Board) style elements inline, set a `<base>` and highlight code in a worker.
 */
export function securityHeaders(relaxedPath: string): MiddlewareHandler {
  const strict = secureHeaders({ ...shared, contentSecurityPolicy: policy });
  const relaxed = secureHeaders({
    ...shared,
    contentSecurityPolicy: {
      ...policy,
      styleSrc: ["'self'", "'unsafe-inline'"],
      fontSrc: ["'self'", "data:"],
      workerSrc: self,
      manifestSrc: self,
      baseUri: self,
    },
  });
  return (context, next) => {
    const { path } = context.req;
    return (path === relaxedPath || path.startsWith(`${relaxedPath}/`) ? relaxed : strict)(context, next);
  };
}
