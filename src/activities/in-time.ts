/** A promise that is not waited for any longer than stated. */

/**
 * Settles as `work` does, or rejects with the error that `late` makes when that takes longer than `ms`. What becomes of the work
 * afterwards is nobody's concern any more: a rejection of it goes unheard.
 */
export async function inTime<Result>(work: Promise<Result>, ms: number, late: () => Error): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), ms);
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}
