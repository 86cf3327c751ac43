// What stands in the `plugin` list of opencode.json; `loci connect opencode --plugin` writes it there.
export { Loci } from "../../dist/opencode-plugin.js";
