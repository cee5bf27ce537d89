export { codeFolder, packageFile } from "./package-file.ts";
