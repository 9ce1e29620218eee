// What the `titan` command starts: like main.ts, 20 ms sooner, because not even that one has to be stripped of types.
import "./compile-cache.mjs";

await import("./main.ts");
