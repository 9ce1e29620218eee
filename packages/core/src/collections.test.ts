import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Deadlines } from "./deadlines.ts";
import { Heap } from "./heap.ts";
import { SeqList } from "./queue.ts";

const small = fc.integer({ min: 0, max: 60 });

test("a heap gives its items back in order", () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), (numbers) => {
      const heap = new Heap<number>((a, b) => a < b);
      for (const number of numbers) heap.push(number);
      const taken: number[] = [];
      for (let top = heap.pop(); top !== undefined; top = heap.pop()) taken.push(top);
      assert.deepEqual(
        taken,
        numbers.toSorted((a, b) => a - b),
      );
    }),
  );
});

test("deadlines are those of a plain map, whatever is set and deleted", () => {
  const step = fc.record({ id: small.map(String), at: fc.option(small) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), small, (steps, now) => {
      const deadlines = new Deadlines();
      const model = new Map<string, number>();
      for (const { id, at } of steps) {
        if (at === null) {
          deadlines.delete(id);
          model.delete(id);
        } else {
          deadlines.set(id, at);
          model.set(id, at);
        }
        assert.equal(deadlines.min(), model.size === 0 ? null : Math.min(...model.values()));
      }
      const due = [...model].filter(([, at]) => at <= now);
      const expected = due.sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1)).map(([id]) => id);
      assert.deepEqual(deadlines.due(now), expected);
      for (const [id, at] of model) assert.equal(deadlines.get(id), at);
    }),
  );
});

test("a list keeps the order of submission, whatever is added and removed", () => {
  const step = fc.record({ seq: fc.integer({ min: 0, max: 300 }), add: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), small, (steps, probe) => {
      const list = new SeqList();
      const model = new Set<number>();
      for (const { seq, add } of steps) {
        if (add) list.add(seq, `${seq}`);
        else list.remove(seq);
        if (add) model.add(seq);
        else model.delete(seq);
      }
      const seqs = [...model].sort((a, b) => a - b);
      assert.deepEqual(list.ids(), seqs.map(String));
      assert.equal(list.size, seqs.length);
      assert.equal(list.countBelow(probe), seqs.filter((seq) => seq < probe).length);
      assert.deepEqual([list.at(0), list.seqAt(0)], [seqs[0]?.toString(), seqs[0]]);
    }),
  );
});

test("a long list that is taken from the front lets go of what is gone", () => {
  const list = new SeqList();
  for (let seq = 0; seq < 5_000; seq += 1) list.add(seq, `${seq}`);
  for (let seq = 0; seq < 4_000; seq += 1) list.remove(seq);
  list.add(3, "3");
  assert.deepEqual([list.size, list.at(0), list.at(1), list.countBelow(4_500)], [1_001, "3", "4000", 501]);
});
