/** What a session needs of its connection, so that a simulator can bring its own network. */
export interface LinkSocket {
  isOpen(): boolean;
  send(frame: Uint8Array): void;
  /** Closes in order, so that what was sent before arrives. */
  close(code: number, reason: string): void;
  /** Drops the connection at once. */
  terminate(): void;
}
