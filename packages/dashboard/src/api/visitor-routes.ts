import { ACTIONS, type Action, hasRole, ROLES } from "../visitors/roles.ts";
import { reasonAgainst } from "../visitors/visitor.ts";
import { apiApp } from "./api-app.ts";
import { createRoute, type OpenAPIHono, z } from "./open-api.ts";
import { jsonAnswer } from "./parameters.ts";
import { PROBLEMS, problemAnswer, refuse } from "./problem.ts";

const tags = ["access"];

export const Visitor = z
  .object({
    name: z.string().openapi({ description: "Of the token, or what the proxy calls the visitor." }),
    role: z.enum(ROLES),
    by: z
      .enum(["token", "proxy", "application", "open"])
      .openapi({ description: "How it is known who it is; `open`: it is not." }),
    readOnly: z.boolean().openapi({ description: "The dashboard refuses all changes." }),
    session: z
      .object({ expiresAt: z.number() })
      .nullable()
      .openapi({ description: "Of a browser that has signed in: when it ends without being used, epoch ms." }),
    may: z.record(z.string(), z.boolean()).openapi({ description: "What can be done here, and whether this one may." }),
    needs: z.partialRecord(z.string(), z.enum(ROLES)).openapi({
      description: "The least role, for each that this one's role is too low for.",
    }),
    reasons: z.record(z.string(), z.string()).openapi({ description: "Why not, for each that may not be done." }),
  })
  .openapi("Visitor");

const me = createRoute({
  method: "get",
  path: "/me",
  ...{ tags, summary: "Who asks, with which role, and what they may do" },
  responses: { 200: jsonAnswer(Visitor, "Who asks."), ...PROBLEMS },
});

const leave = createRoute({
  method: "post",
  path: "/sign-out",
  ...{ tags, summary: "End the session of this browser" },
  responses: {
    200: jsonAnswer(z.object({ outcome: z.literal("signed out") }), "The cookie and its session are no longer valid."),
    409: problemAnswer("There is no session: a token or a proxy says who asks."),
    ...PROBLEMS,
  },
});

/** `/me` and `/sign-out`: who asks. */
export function visitorRoutes({ readOnly }: { readOnly: boolean }): OpenAPIHono {
  const app = apiApp();

  app.openapi(me, (context) => {
    const visitor = context.get("visitor");
    const { name, role, by, session } = visitor;
    const actions = (Object.keys(ACTIONS) as Action[]).filter((action) => action !== "unlisted");
    const against = actions.map((action) => [action, reasonAgainst(visitor, action, readOnly)] as const);
    return context.json(
      {
        ...{ name, role, by, readOnly },
        session: session && { expiresAt: session.expiresAt },
        may: Object.fromEntries(against.map(([action, reason]) => [action, reason === null])),
        needs: Object.fromEntries(
          actions.flatMap((action) => (hasRole(role, ACTIONS[action].role) ? [] : [[action, ACTIONS[action].role]])),
        ),
        reasons: Object.fromEntries(against.flatMap(([action, reason]) => (reason === null ? [] : [[action, reason]]))),
      },
      200,
    );
  });

  app.openapi(leave, (context) => {
    const { by, session } = context.get("visitor");
    if (session !== null) {
      session.end();
      return context.json({ outcome: "signed out" as const }, 200);
    }
    const whose = { proxy: "proxy before", application: "application around" }[by as string];
    const why = whose ? `the ${whose} this dashboard signed you in: sign out there` : "there is no session";
    return refuse(409, { detail: why, outcome: "no session" });
  });

  return app;
}
