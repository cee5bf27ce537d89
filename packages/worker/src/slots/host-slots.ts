/**
 * The slots of a host: at most so many jobs run at once over all pools.
 *
 * Whoever finds no free slot waits in line; a slot that comes back goes to the first in the line, so that one busy
 * pool cannot starve another.
 */
export class HostSlots {
  readonly total: number;
  #taken = 0;
  readonly #line: SlotWaiter[] = [];

  constructor(total: number) {
    this.total = total;
  }

  get taken(): number {
    return this.#taken;
  }

  get free(): number {
    return this.total - this.#taken;
  }

  /** True while somebody other than `asker` waits for a slot. */
  isWantedBesides(asker: object): boolean {
    return this.#line.some((waiter) => waiter.asker !== asker);
  }

  /** Takes a slot if one is free and nobody waits for it. */
  tryTake(): boolean {
    if (this.#taken >= this.total) return false;
    this.#taken += 1;
    return true;
  }

  /**
   * Waits in line for a slot.
   * @param asker - Who waits; {@link withdraw} ends its waits.
   * @returns false when the wait was withdrawn
   */
  take(asker: object): Promise<boolean> {
    if (this.tryTake()) return Promise.resolve(true);
    return new Promise((resolve) => this.#line.push({ asker, settle: resolve }));
  }

  /** Ends the waits of one asker without a slot. */
  withdraw(asker: object): void {
    for (let index = this.#line.length - 1; index >= 0; index -= 1) {
      if (this.#line[index]?.asker === asker) this.#line.splice(index, 1)[0]?.settle(false);
    }
  }

  /** Gives a slot back, to the first in the line if there is one. */
  release(): void {
    const next = this.#line.shift();
    if (next) next.settle(true);
    else this.#taken -= 1;
  }
}

interface SlotWaiter {
  asker: object;
  settle: (got: boolean) => void;
}
