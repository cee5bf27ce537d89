export { environmentSetting, trimSetting, withoutByteOrderMark } from "./setting.ts";
