import { fileURLToPath } from "node:url";

/** A worker host of the fleet: what it is started with. */
export interface FleetHost {
  name: string;
  slots: number;
  labels: readonly string[];
  /** Paths of its task modules: hosts know different tasks. */
  tasks: readonly string[];
  env: Readonly<Record<string, string>>;
}

const path = (name: string): string => fileURLToPath(new URL(`tasks/${name}.ts`, import.meta.url));
const everywhere = ["mail", "images", "stock", "reports", "pages", "billing", "exchange", "catalog"].map(path);

/** Three hosts: the disk of lima is full, and only quito knows what needs a graphics card. */
export const hosts: readonly FleetHost[] = [
  { name: "oslo", slots: 8, labels: ["eu"], tasks: everywhere, env: { SHOP_SCRATCH: "/dev/null" } },
  // Writing to this device fails as writing to a full disk does.
  { name: "lima", slots: 8, labels: ["us"], tasks: everywhere, env: { SHOP_SCRATCH: "/dev/full" } },
  {
    name: "quito",
    slots: 4,
    labels: ["us", "gpu"],
    tasks: ["gpu", "reports"].map(path),
    env: { SHOP_SCRATCH: "/dev/null" },
  },
];
