import type { MiddlewareHandler } from "hono";
import { secureHeaders } from "hono/secure-headers";

const self = ["'self'"];
const shared: NonNullable<Parameters<typeof secureHeaders>[0]> = {
  // The dashboard speaks plain HTTP; whoever puts TLS before it decides about strict transport.
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

/** Headers for our own pages: nothing from elsewhere, nothing inline. */
export function strictHeaders(): MiddlewareHandler {
  return secureHeaders({ ...shared, contentSecurityPolicy: policy });
}

/** Bull Board styles elements inline, sets its own `<base>` and highlights code in a worker; still nothing from elsewhere. */
export function bullBoardHeaders(): MiddlewareHandler {
  return secureHeaders({
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
}
