/**
 * A graph of who needs whom to go on: `all` nodes need every one of what they need, `any` nodes only one. Says who can never go on, and in which circles.
 *
 * Runs on the agent thread. It knows nothing of locks. Time and memory are linear in nodes and edges.
 *
 * A node is free if all (or any) of what it needs is free; a node that needs nothing is free. What is not free by that rule, applied until nothing changes,
 * is stuck: it needs, in the end, itself.
 */
export type NodeKind = 'all' | 'any';

interface Node {
  readonly kind: NodeKind;
  readonly needs: number[];
  readonly neededBy: number[];
}

export class AndOrGraph {
  readonly #nodes: Node[] = [];

  /** A new node's number. */
  add(kind: NodeKind): number {
    return this.#nodes.push({ kind, needs: [], neededBy: [] }) - 1;
  }

  need(node: number, needed: number): void {
    this.#nodes[node]?.needs.push(needed);
    this.#nodes[needed]?.neededBy.push(node);
  }

  /** For each node whether it is stuck. */
  stuck(): boolean[] {
    const isStuck = this.#nodes.map(({ needs }) => needs.length > 0);
    const unmet = this.#nodes.map(({ kind, needs }) => (kind === 'all' ? needs.length : Math.min(needs.length, 1)));
    const free = isStuck.flatMap((stuck, node) => (stuck ? [] : [node]));
    for (let node = free.pop(); node !== undefined; node = free.pop()) {
      for (const other of this.#nodes[node]?.neededBy ?? []) {
        unmet[other] = (unmet[other] as number) - 1;
        if (unmet[other] !== 0) continue;
        isStuck[other] = false;
        free.push(other);
      }
    }
    return isStuck;
  }

  /**
   * The circles among the stuck nodes: strongly connected components of more than one node, or of one that needs itself. Who is stuck only because of a
   * circle it is not part of is in none. Tarjan's algorithm, with a stack of its own: a chain of waits may be as long as there are activities.
   */
  circles(isStuck: readonly boolean[]): number[][] {
    const order = new Array<number>(this.#nodes.length).fill(-1);
    const low = [...order];
    const isOpen = order.map(() => false);
    const open: number[] = [];
    const circles: number[][] = [];
    let next = 0;
    const enter = (node: number): { node: number; at: number } => {
      order[node] = low[node] = next++;
      open.push(node);
      isOpen[node] = true;
      return { node, at: 0 };
    };
    const leave = (node: number): void => {
      if (low[node] !== order[node]) return;
      const circle = open.splice(open.lastIndexOf(node));
      for (const member of circle) isOpen[member] = false;
      if (circle.length > 1 || this.#nodes[node]?.needs.includes(node) === true) circles.push(circle);
    };
    for (const [root, stuck] of isStuck.entries()) {
      if (!stuck || order[root] !== -1) continue;
      const path = [enter(root)];
      for (let step = path.at(-1); step !== undefined; step = path.at(-1)) {
        const needed = this.#nodes[step.node]?.needs[step.at++];
        if (needed === undefined) {
          path.pop();
          leave(step.node);
          const parent = path.at(-1)?.node;
          if (parent !== undefined) low[parent] = Math.min(low[parent] as number, low[step.node] as number);
        } else if (isStuck[needed] === true) {
          if (order[needed] === -1) path.push(enter(needed));
          else if (isOpen[needed] === true)
            low[step.node] = Math.min(low[step.node] as number, order[needed] as number);
        }
      }
    }
    return circles;
  }
}
