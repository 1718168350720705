/** Whether a principal's requests tend to go on with a conversation, or to be single questions. */

export interface Habits {
  /** To be called for each request; `continues`: it brings more than its first message. */
  note(principalId: string, continues: boolean): void;
  /**
   * Whether nearly all that this principal asks is single questions: a process kept after one would then be missed by
   * nobody. False until some twenty requests say so.
   */
  asksOnce(principalId: string): boolean;
}

/** The weight of the newest request, and the share of continuing ones under which there is a habit. */
const weight = 0.1;
const seldom = 0.15;

export function createHabits(): Habits {
  /** The recent share of continuing requests, by principal. */
  const shares = new Map<string, number>();
  const share = (principalId: string) => shares.get(principalId) ?? 1;

  return {
    note(principalId, continues) {
      shares.set(principalId, share(principalId) * (1 - weight) + (continues ? weight : 0));
    },
    asksOnce: (principalId) => share(principalId) < seldom,
  };
}
