import { currentSettings, type Language } from "../settings.ts";
import { createStore, type Store, useStore } from "../store.ts";
import { en } from "./en/index.ts";

/** All that the pages say, by page. A text with numbers or names in it is a function. */
export type Words = typeof en;

const chosen: Store<Words> = createStore(en);

/** For components: drawn again when the language changes. */
export function useWords(): Words {
  return useStore(chosen);
}

/** For what is no component. */
export function words(): Words {
  return chosen.get();
}

/** Loads the texts of a language and shows them. */
export async function speak(language: Language = currentSettings().language): Promise<void> {
  chosen.set(language === "zh" ? (await import("./zh/index.ts")).zh : en);
}
