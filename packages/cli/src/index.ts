export { buildProgram, runCommandLine } from "./program.ts";
