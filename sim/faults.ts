/** The error of a fault that the simulator made: any other error of the master's is a finding. */
export class SimulatedFault extends Error {}

/** Never resolves: whoever waits belongs to a process that is dead. */
export function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}
