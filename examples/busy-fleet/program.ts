// The program behind `manyhands demo --busy`, which starts the hosts of hosts.ts first.
import { startFleet } from "./fleet.ts";

const fleet = await startFleet({
  redis: process.env["MANYHANDS_REDIS_URL"] ?? "",
  namespace: process.env["MANYHANDS_NAMESPACE"] ?? "manyhands",
  drainAfter: 60_000,
  backlog: 300,
});
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void fleet.stop());
try {
  await fleet.settled;
  console.log("the fleet is busy");
} catch (error) {
  console.error(`the fleet is not as busy as it should be: ${(error as Error).message}`);
  process.exitCode = 1;
  await fleet.stop();
}
