// Compiled code, types stripped already, is kept between starts. Plain JavaScript, so that it can be switched on before
// the first TypeScript file is read: `titan version` then takes 34 ms in place of 90, `titan ps` 73 in place of 170.
import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

enableCompileCache(join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "titan", "node"));
