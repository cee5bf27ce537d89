export { type LogFacts, type Logger, stderrLogger } from "./logger.ts";
export { bundledPackage, codeFolder, packageFile, packageVersion } from "./package-file.ts";
export { RareWarnings } from "./rare-warnings.ts";
export { environmentSetting, settingIn, trimSetting, withoutByteOrderMark } from "./setting.ts";
export { shared } from "./shared-value.ts";
export { visibleJson, visibleLine, visibleLines } from "./visible.ts";
