export { CountedObject, type CountedSettings, checkCount, type Met } from "./counted-object.ts";
