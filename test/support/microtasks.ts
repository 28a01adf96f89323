/** So many turns of the queue of promises, and none of the event loop: whatever comes between two of them is found by trying all. */
export async function microtasks(turns: number): Promise<void> {
  for (let done = 0; done < turns; done += 1) await Promise.resolve();
}
