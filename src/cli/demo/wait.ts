// Waiting on a condition of the API with a word about how far it is. The AWS API offers no events, so clients poll.

/** Asks until `probe` is done, whose last word stays; fails after `seconds` with the last detail. */
export async function until<T>(
  what: string,
  seconds: number,
  update: (detail: string) => void,
  probe: () => Promise<{ readonly done: T; readonly detail?: string } | { readonly detail: string }>,
): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const answer = await probe();
    if ("done" in answer) {
      update(answer.detail ?? "");
      return answer.done;
    }
    update(answer.detail);
    if (performance.now() > deadline)
      throw new Error(`${what} took longer than ${seconds} s: ${answer.detail}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
