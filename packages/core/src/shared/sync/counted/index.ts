export { CountedObject, type CountedSettings, checkCount, type OpenedObject } from "./counted-object.ts";
