/** Who asks: the unit of fairness, of process ownership and of usage. */
export interface Principal {
  /** Stable and unique; never a secret. */
  id: string;
  /** What people call it: `local`, `remote`, `shared`, or a key's name. */
  name: string;
}
