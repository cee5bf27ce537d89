import { createStore, useStore } from "./store.ts";

export const LANGUAGES = ["en", "zh"] as const;
export type Language = (typeof LANGUAGES)[number];
export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];
/** Least time between two readings of what has changed, ms; "0": at once. */
export const REFRESHES = ["0", "1000", "5000", "30000"] as const;
export type Refresh = (typeof REFRESHES)[number];

/** What a reader has chosen; it stays in the browser. */
export interface Settings {
  theme: Theme;
  /** A name of the time zone database; "local" is that of the browser. */
  timeZone: string;
  language: Language;
  /** Whether single letters are commands. */
  letterKeys: boolean;
  /** Whether pages begin with the live view paused. */
  startPaused: boolean;
  refresh: Refresh;
}

const PLACE = "manyhands-settings";
const store = createStore<Settings>(read());
show(store.get());

export function useSettings(): Settings {
  return useStore(store);
}

export function currentSettings(): Settings {
  return store.get();
}

export function changeSettings(change: Partial<Settings>): void {
  store.set({ ...store.get(), ...change });
  show(store.get());
  try {
    localStorage.setItem(PLACE, JSON.stringify(store.get()));
  } catch {
    // The browser keeps nothing: the choice holds for this page.
  }
}

/** Calls `listener` when a setting changes. */
export const onSettings: (listener: () => void) => () => void = store.subscribe;

/** @returns the zone of the settings, or undefined for that of the browser */
export function zoneOf({ timeZone }: Settings): string | undefined {
  return timeZone === "local" ? undefined : timeZone;
}

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function show({ theme, language }: Settings): void {
  const root = document.documentElement;
  if (theme === "system") delete root.dataset["theme"];
  else root.dataset["theme"] = theme;
  root.lang = language;
}

function read(): Settings {
  const stored = readStored();
  const text = (name: keyof Settings): string => {
    const value = stored[name];
    return typeof value === "string" ? value : "";
  };
  const timeZone = text("timeZone");
  return {
    theme: THEMES.find((theme) => theme === text("theme")) ?? "system",
    timeZone: timeZone !== "" && (timeZone === "local" || isTimeZone(timeZone)) ? timeZone : "local",
    language: LANGUAGES.find((language) => language === text("language")) ?? languageOfBrowser(),
    letterKeys: stored["letterKeys"] !== false,
    startPaused: stored["startPaused"] === true,
    refresh: REFRESHES.find((refresh) => refresh === text("refresh")) ?? "0",
  };
}

function readStored(): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(PLACE) ?? "{}");
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function languageOfBrowser(): Language {
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}
