/** Stands between a store and its server, for tests. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, connect as dial, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Cuts, or swallows what passes. */
export class Wire {
  readonly folder = mkdtempSync(join(tmpdir(), "titan-wire-"));
  readonly #near = new Set<Socket>();
  readonly #far = new Set<Socket>();
  readonly #server;
  #silent = false;

  constructor(socket: string) {
    this.#server = createServer((near) => {
      const far = dial(socket);
      this.#near.add(near);
      this.#far.add(far);
      near.on("data", (data) => this.#silent || far.write(data));
      far.on("data", (data) => this.#silent || near.write(data));
      // Not the other way round: the server hears nothing of a cut, as with a cable that was pulled.
      far.on("close", () => near.destroy());
      for (const end of [near, far]) end.on("error", () => undefined);
    });
  }

  async listen(): Promise<void> {
    await once(this.#server.listen(join(this.folder, ".s.PGSQL.5432")), "listening");
  }

  /** The store's side breaks; the server goes on with whatever it has. */
  cut(): void {
    for (const socket of this.#near) socket.destroy();
  }

  swallow(on: boolean): void {
    this.#silent = on;
  }

  close(): void {
    for (const socket of [...this.#near, ...this.#far]) socket.destroy();
    this.#server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
