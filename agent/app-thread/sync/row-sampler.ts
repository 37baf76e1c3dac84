/**
 * Which of many things are measured, where to measure all would cost more than the things themselves: all of the first ones, then one of each row, at a place
 * that is drawn by lot. What is measured counts for its row, so that count and sum of all are unbiased, and the count is off by less than a row.
 *
 * Runs on application threads, on hot paths: a subtraction for what is not measured.
 */
const ALL_OF_THE_FIRST = 64;
export const ROW_LENGTH = 16;

export class RowSampler {
  #first = ALL_OF_THE_FIRST;
  #until = 1;
  #restOfRow = 0;

  /** For how many this one stands; 0 if it is not to be measured. */
  take(): number {
    if (--this.#until > 0) return 0;
    const weight = this.#first > 0 ? 1 : ROW_LENGTH;
    if (this.#first > 1) {
      this.#first--;
      this.#until = 1;
      return weight;
    }
    this.#first = 0;
    /* The place of the next one in its row, which begins when this one's is over. */
    const place = 1 + Math.floor(Math.random() * ROW_LENGTH);
    this.#until = this.#restOfRow + place;
    this.#restOfRow = ROW_LENGTH - place;
    return weight;
  }
}
