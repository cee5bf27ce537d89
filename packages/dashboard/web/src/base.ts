/** Where the dashboard is mounted, with a slash at the end: "/" or, for example, "/ops/queues/". */
export const BASE: string = document.querySelector<HTMLMetaElement>('meta[name="manyhands-base"]')?.content ?? "/";
