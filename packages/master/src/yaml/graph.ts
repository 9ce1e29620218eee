/** Names that wait for each other in a circle, first one repeated at the end; null where there is no circle. Not recursive: chains are long. */
export function findCycle(edges: ReadonlyMap<string, readonly string[]>): string[] | null {
  const done = new Set<string>();
  for (const root of edges.keys()) {
    const path: string[] = [];
    const onPath = new Set<string>();
    const stack: { name: string; next: number }[] = [{ name: root, next: 0 }];
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      if (top.next === 0 && !done.has(top.name)) {
        path.push(top.name);
        onPath.add(top.name);
      }
      const target = done.has(top.name) ? undefined : edges.get(top.name)?.[top.next++];
      if (target === undefined) {
        stack.pop();
        if (!done.has(top.name)) leave(top.name, path, onPath, done);
      } else if (onPath.has(target)) {
        return [...path.slice(path.indexOf(target)), target];
      } else {
        stack.push({ name: target, next: 0 });
      }
    }
  }
  return null;
}

function leave(name: string, path: string[], onPath: Set<string>, done: Set<string>): void {
  path.pop();
  onPath.delete(name);
  done.add(name);
}
