import { exerciseStore } from "@titan/store/conformance";
import { MemoryStore } from "./memory-store.ts";

exerciseStore("memory", async () => {
  const store = new MemoryStore();
  return { open: async () => store, dispose: async () => undefined };
});
