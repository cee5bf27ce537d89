import { type Finding, ok } from "./finding.ts";

/** First version that runs `.ts` files as they are. */
const NEEDED = [22, 18] as const;

export function checkNode(version: string = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) return ok("node", `Node ${version}`);
  const finding = `Node ${version} is too old, at least ${NEEDED.join(".")} is needed`;
  return { check: "node", status: "problem", finding, advice: "install a newer Node" };
}
