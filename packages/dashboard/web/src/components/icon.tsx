import type { ReactNode } from "react";

/** Shapes of 16 by 16. `f` is filled, `k` is drawn in the colour of the ground. */
const SHAPES = {
  overview: <path d="M2 8.5h2.8L6.6 4l2.9 8 1.7-3.5H14" />,
  failures: <path d="M5.4 2h5.2L14 5.4v5.2L10.6 14H5.4L2 10.6V5.4zM8 5v3.6M8 10.9v.1" />,
  tasks: <path d="M6 4h8M6 8h8M6 12h8M2.4 4h.1M2.4 8h.1M2.4 12h.1" />,
  deadLetters: <path d="M2 9.5 3.6 3h8.8L14 9.5V13H2zM2 9.5h3.6c0 1.3 1 2 2.4 2s2.4-.7 2.4-2H14" />,
  pools: <path d="M8 2 14 5 8 8 2 5zM2 8l6 3 6-3M2 11l6 3 6-3" />,
  hosts: (
    <>
      <rect x="2" y="2.5" width="12" height="4.5" rx="1.2" />
      <rect x="2" y="9" width="12" height="4.5" rx="1.2" />
      <path d="M4.6 4.8h.1M4.6 11.2h.1" />
    </>
  ),
  processes: (
    <>
      <path d="M3 2.5v8.7c0 1 .6 1.6 1.6 1.6H8M3 6.4h5" />
      <rect x="8.5" y="4.4" width="5" height="4" rx="1" />
      <rect x="8.5" y="10.8" width="5" height="4" rx="1" />
    </>
  ),
  lock: (
    <>
      <rect x="3" y="7" width="10" height="7" rx="1.6" />
      <path d="M5.3 7V5a2.7 2.7 0 0 1 5.4 0v2" />
    </>
  ),
  unlocked: (
    <>
      <rect x="3" y="7" width="10" height="7" rx="1.6" />
      <path d="M5.3 7V4.6a2.7 2.7 0 0 1 5.2-.9" />
    </>
  ),
  schedules: (
    <>
      <rect x="2" y="3" width="12" height="11" rx="1.6" />
      <path d="M2 6.4h12M5.2 1.6v2.8M10.8 1.6v2.8" />
    </>
  ),
  workflows: (
    <>
      <circle cx="3.6" cy="8" r="1.8" />
      <circle cx="12.4" cy="3.8" r="1.8" />
      <circle cx="12.4" cy="12.2" r="1.8" />
      <path d="M5.4 8h1.4c1.6 0 1.6-4.2 3.8-4.2M6.8 8c1.6 0 1.6 4.2 3.8 4.2" />
    </>
  ),
  redis: (
    <>
      <ellipse cx="8" cy="3.8" rx="5.6" ry="2" />
      <path d="M2.4 3.8v8.4c0 1.1 2.5 2 5.6 2s5.6-.9 5.6-2V3.8M2.4 8c0 1.1 2.5 2 5.6 2s5.6-.9 5.6-2" />
    </>
  ),
  audit: <path d="M3.4 1.8h6.4l2.8 2.8v9.6H3.4zM5.8 7.2h4.4M5.8 10h4.4" />,
  settings: (
    <>
      <path d="M2 4.5h7M12 4.5h2M2 11.5h2M7 11.5h7" />
      <circle cx="10.5" cy="4.5" r="1.6" />
      <circle cx="5.5" cy="11.5" r="1.6" />
    </>
  ),
  search: (
    <>
      <circle cx="7" cy="7" r="4.4" />
      <path d="m10.4 10.4 3.4 3.4" />
    </>
  ),
  pause: <path d="M5.4 3.5v9M10.6 3.5v9" />,
  play: <path d="M4.6 3v10l8-5z" />,
  help: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M6.3 6.3A1.8 1.8 0 1 1 8 8.6v.5M8 11.3v.1" />
    </>
  ),
  theme: <path d="M13.6 9.4A6 6 0 0 1 6.6 2.4a6 6 0 1 0 7 7z" />,
  clock: (
    <>
      <circle cx="8" cy="8" r="5.8" />
      <path d="M8 4.6V8l2.4 1.6" />
    </>
  ),
  retry: <path d="M13.4 8A5.4 5.4 0 1 1 11 3.5M11.2 1.2v2.6H8.6" />,
  remove: <path d="M2.8 4.4h10.4M6.2 4.4V2.6h3.6v1.8M4.2 4.4l.6 9.2h6.4l.6-9.2" />,
  copy: (
    <>
      <rect x="5.4" y="5.4" width="8.2" height="8.2" rx="1.4" />
      <path d="M10.6 5.4V2.4H2.4v8.2h3" />
    </>
  ),
  menu: <path d="M2 4.5h12M2 8h12M2 11.5h12" />,
  add: <path d="M8 3v10M3 8h10" />,
  drain: <path d="M8 2.6v8M4.6 7.4 8 10.8l3.4-3.4M2.8 13.6h10.4" />,
  resize: <path d="M2.6 8h10.8M5 5.4 2.4 8 5 10.6M11 5.4 13.6 8 11 10.6" />,
  stop: (
    <>
      <circle cx="8" cy="8" r="5.8" />
      <path d="m4 12 8-8" />
    </>
  ),
  down: <path d="m3.5 6 4.5 4.5L12.5 6" />,
  release: <path d="M9.4 2.4h4.2v4.2M13.4 2.6 7.8 8.2M6.6 3.4H2.6v10h10v-4" />,
  close: <path d="m4 4 8 8m0-8-8 8" />,
  info: (
    <>
      <circle cx="8" cy="8" r="5.8" />
      <path d="M8 7.4v3.4M8 5.1v.1" />
    </>
  ),
  dots: <path d="M3.2 8h.1M8 8h.1M12.8 8h.1" strokeWidth="2.4" />,
  edit: <path d="m3 13 .6-3L10.8 2.8l2.4 2.4L6 12.4z" />,
  leaf: <path d="M8 14V8M8 8C8 4.5 5.6 2.6 2.6 2.6 2.6 6 4.6 8 8 8zM8 9.6c0-2.7 2-4.2 5.4-4.2 0 2.6-2 4.2-5.4 4.2z" />,
  columns: (
    <>
      <rect x="2" y="2.6" width="12" height="10.8" rx="1.4" />
      <path d="M6 2.6v10.8M10 2.6v10.8" />
    </>
  ),
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof SHAPES;

/** A picture of an action or a page. It is for the eye only: the control around it has the name. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="i" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      {SHAPES[name]}
    </svg>
  );
}
