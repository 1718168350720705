/**
 * Booted processes that wait for a conversation: a boot takes half a second, the rest of a turn a tenth of that. What
 * is kept ready is learnt from what is asked for. A spare is used once.
 */

/** A process that has been told nothing yet. */
export interface Spare<P> {
  process: P;
  /** The model that it was started with; the conversation's own binds later where the CLI can do that. */
  model: string;
  token: string;
}

export interface Spares<P> {
  /** A booted process for this model and login; also says that the model is in use. */
  take(model: string, token: string): Spare<P> | null;
  /** Whether there is one to give up for its memory; gives it up. */
  evict(): boolean;
  readonly count: number;
  readonly processes: readonly P[];
  /** To be called when `size` has changed. */
  reconsider(): void;
  /** Ends those that were started with another login. */
  retire(token: string): void;
  close(): void;
}

export interface SparesOptions<P> {
  /** How many are kept; 0 keeps none. Asked when it is needed. */
  size: () => number;
  /** Starts one. Throws when that fails. */
  boot: (model: string, token: string) => P;
  /** Ends one. */
  discard: (process: P) => void;
  /** Whether one pool serves all models. */
  lateModel: () => boolean;
  /** Whether now is a bad moment to start one: somebody waits for a first token, or memory is short. */
  busy: () => boolean;
  /** After so many ms without a request none is kept. */
  idleAfter: number;
  /** Called when one could not be started, or ended soon after. */
  onFailure?: () => void;
  /** Epoch ms. */
  now: () => number;
}

/** The time, in ms, between looks whether a spare is missing. */
const lookEvery = 200;
const longestBackOff = 300_000;

export function createSpares<P extends { readonly exited: Promise<unknown> }>({
  size,
  boot,
  discard: end,
  lateModel,
  busy,
  idleAfter,
  onFailure,
  now,
}: SparesOptions<P>): Spares<P> {
  let pool: Spare<P>[] = [];
  /** What was asked for last: the model, and when. */
  let wanted: { model: string; token: string; at: number } | null = null;
  let failures = 0;
  let notBefore = 0;
  let timer: Timer | undefined;
  let closed = false;

  const fits = (spare: Spare<P>, model: string) => lateModel() || spare.model === model;
  const lacking = (model: string) => pool.length < size() || !pool.some((spare) => fits(spare, model));

  const fill = () => {
    timer = undefined;
    if (closed || wanted === null) return;
    if (now() - wanted.at > idleAfter) {
      for (const spare of pool.splice(0)) end(spare.process);
      return;
    }
    const { model, token } = wanted;
    if (!busy() && now() >= notBefore) {
      // One of another model makes place: what was asked for last is asked for next.
      const [oldest] = pool;
      if (oldest && pool.length >= size() && lacking(model)) discard(oldest);
      if (pool.length < size()) start(model, token);
    }
    look();
  };
  const look = () => {
    clearTimeout(timer);
    timer = undefined;
    if (closed || size() === 0 || wanted === null) return;
    timer = setTimeout(fill, lacking(wanted.model) ? lookEvery : idleAfter);
    timer.unref();
  };
  const discard = (spare: Spare<P>) => {
    pool = pool.filter((each) => each !== spare);
    end(spare.process);
  };

  const start = (model: string, token: string) => {
    const startedAt = now();
    const failed = () => {
      failures++;
      onFailure?.();
      notBefore = now() + Math.min(longestBackOff, 1_000 * 2 ** failures);
    };
    let process: P;
    try {
      process = boot(model, token);
    } catch {
      return failed();
    }
    const spare: Spare<P> = { process, model, token };
    pool.push(spare);
    process.exited.then(() => {
      if (!pool.includes(spare)) return;
      pool = pool.filter((each) => each !== spare);
      if (now() - startedAt < 30_000) failed();
      look();
    });
  };

  return {
    take(model, token) {
      wanted = { model, token, at: now() };
      const spare = pool.find((each) => each.token === token && fits(each, model)) ?? null;
      if (spare) {
        pool = pool.filter((each) => each !== spare);
        failures = 0;
      }
      look();
      return spare;
    },
    evict() {
      const [spare] = pool;
      if (!spare) return false;
      discard(spare);
      look();
      return true;
    },
    get count() {
      return pool.length;
    },
    get processes() {
      return pool.map(({ process }) => process);
    },
    reconsider() {
      for (const surplus of pool.slice(size())) discard(surplus);
      look();
    },
    retire(token) {
      for (const spare of pool.filter((each) => each.token !== token)) discard(spare);
    },
    close() {
      closed = true;
      clearTimeout(timer);
      for (const spare of pool.splice(0)) end(spare.process);
    },
  };
}
