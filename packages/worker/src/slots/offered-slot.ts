/** A slot that is offered and is to be taken back by the script that takes a job. */
export interface OfferedSlot {
  keys: [offers: string, hash: string];
  hostId: string;
  epoch: string;
}
