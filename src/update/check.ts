/** Whether there is a newer release than this binary. */

/** What is known of newer releases; `problem` says why nothing is. */
export interface UpdateCheck {
  current: string;
  /** Null: not known. */
  latest: string | null;
  /** Whether `latest` is newer. */
  available: boolean;
  problem: string | null;
}
