/** Lets turns run beside one another, and gives whoever wants to look at a server at rest a moment without any. */

export interface Gate {
  /** Runs it beside others, as soon as nobody is alone. */
  beside<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Runs it when all others have ended, and holds back who comes meanwhile. */
  alone<Result>(work: () => Promise<Result>): Promise<Result>;
}

export function createGate(): Gate {
  let inside = 0;
  let closed = false;
  let waiting: Array<() => void> = [];
  let onEmpty = () => {};

  const change = () => new Promise<void>((resolve) => waiting.push(resolve));

  return {
    async beside(work) {
      while (closed) await change();
      inside++;
      try {
        return await work();
      } finally {
        if (--inside === 0) onEmpty();
      }
    },
    async alone(work) {
      while (closed) await change();
      closed = true;
      if (inside > 0) await new Promise<void>((resolve) => (onEmpty = resolve));
      try {
        return await work();
      } finally {
        closed = false;
        onEmpty = () => {};
        const held = waiting;
        waiting = [];
        for (const resolve of held) resolve();
      }
    },
  };
}
