/** The keys, for people. */
export const HELP: readonly string[] = [
  "",
  "Lists: pools, hosts, running tasks, the newest failures.",
  "",
  "  Tab, 1 2 3 4      go to the next list, or to this one",
  "  Up Down, j k      select a row; also PgUp, PgDn, Home, End",
  "  Enter             the list alone on the screen, or all of them again",
  "  s, S              order by the next column; the other way round",
  "  /                 show only rows with this text; Esc shows all",
  "  Space             hold the picture, or go on",
  "",
  "  p                 pools: pause the selected one, or resume it",
  "  d                 hosts: drain the selected one (asks first)",
  "  c                 running tasks: cancel the selected one (asks first)",
  "  r                 failures: run the selected task again (asks first)",
  "",
  "  q, Ctrl-C         quit",
];
