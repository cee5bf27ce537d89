/** Places for work: at most so many jobs of the queues that share them run at once. */
export class HostSlots {
  #total: number;
  #taken = 0;
  /** Kept for jobs that may be assigned to this host. */
  #held = 0;

  constructor(total: number) {
    this.#total = total;
  }

  get total(): number {
    return this.#total;
  }

  /** There are more, or fewer: then what is taken stays so, and `free` is negative until enough have been released. */
  resize(total: number): void {
    this.#total = total;
  }

  /** Neither taken nor held. */
  get free(): number {
    return this.#total - this.#taken - this.#held;
  }

  /** Not taken; those that are held can be had once their offer is withdrawn. */
  get idle(): number {
    return this.#total - this.#taken;
  }

  get held(): number {
    return this.#held;
  }

  /** Takes a slot if one is free. */
  tryTake(): boolean {
    if (this.free <= 0) return false;
    this.#taken += 1;
    return true;
  }

  release(): void {
    this.#taken -= 1;
  }

  /** Holds all that are free. @returns how many these are */
  holdFree(): number {
    const held = Math.max(0, this.free);
    this.#held += held;
    return held;
  }

  /** So many that are held are free again. */
  giveUp(count: number): void {
    this.#held -= count;
  }

  /** One that is held is taken. */
  takeHeld(): void {
    this.#held -= 1;
    this.#taken += 1;
  }

  /** One that is not to be used for what it was taken for is held. */
  hold(): void {
    this.#held += 1;
  }
}
