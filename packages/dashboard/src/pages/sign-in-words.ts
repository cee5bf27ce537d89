/** A text in the languages of the pages. */
export type Said = Readonly<Record<"en" | "zh", string>>;

/** The language that a browser asks for first: Chinese, or else English. */
export function languageOf(acceptLanguage: string | undefined): keyof Said {
  return /^\s*zh\b/i.test(acceptLanguage ?? "") ? "zh" : "en";
}

/** The same in each language: what names things of the configuration. */
export function asIs(text: string): Said {
  return { en: text, zh: text };
}

export const WRONG: Said = { en: "That token is wrong.", zh: "令牌不正确。" };
export const OVER: Said = { en: "Your session has ended. Sign in again.", zh: "会话已结束，请重新登录。" };

export function tooMany(seconds: number): Said {
  return {
    en: `Too many wrong tokens came from your address: wait ${seconds} s and try again.`,
    zh: `您的地址发来的错误令牌过多：请等待 ${seconds} 秒后再试。`,
  };
}

export const SIGN_IN_WORDS = {
  tab: { en: "Sign in", zh: "登录" },
  title: { en: "Sign in with a token", zh: "用令牌登录" },
  before: { en: "It is in the address that", zh: "令牌在" },
  after: {
    en: "printed, or in what its operator gave you.",
    zh: "打印的地址中，或由其管理员提供。",
  },
  token: { en: "Token", zh: "令牌" },
  open: { en: "Open the dashboard", zh: "打开仪表盘" },
} as const satisfies Record<string, Said>;
