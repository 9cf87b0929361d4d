/**
 * Fields of the hits of a lent collection, out of its columns.
 *
 * Always true: names mean what they mean to the proxy, whose plan of an answer this is, and values are made into rows by the same code; vectors,
 * structs and columns that are not lent are the engine's.
 */

import type { Column, KeyColumn } from "../model/columns.ts";
import { primaryKeyField } from "../model/schema.ts";
import { isVectorType } from "../model/types.ts";
import type { LentCollection } from "../proxy/lend.ts";
import { requireLoadedFields } from "../proxy/loaded.ts";
import { type OutputPlan, outputFields, planOutput } from "../proxy/output.ts";
import { timeView } from "../proxy/shown-times.ts";
import { gatherColumn } from "../rank/gather.ts";
import { lentColumn } from "../segment/lent.ts";
import type { Hit } from "./hits.ts";
import type { Merged } from "./near-merge.ts";
import { hitsOf } from "./result-rows.ts";

/** Lists of names that are remembered; all are forgotten beyond. */
const MOST_PLANS = 64;

export class NearOutput {
  readonly #collection: LentCollection;
  readonly #keyFieldId: bigint;
  readonly #plans = new Map<string, OutputPlan | null>();
  readonly #missing = new Set<bigint>();

  constructor(collection: LentCollection) {
    this.#collection = collection;
    this.#keyFieldId = primaryKeyField(collection.described.collection.schema).fieldId;
  }

  /** Columns that answers would have needed. */
  get missing(): ReadonlySet<bigint> {
    return this.#missing;
  }

  /** Null: the engine has to be asked. @throws what is wrong with the names. */
  plan(names: readonly string[]): OutputPlan | null {
    const text = names.join("\0");
    const known = this.#plans.get(text);
    if (known !== undefined) return known;
    const plan = this.#planned(names);
    if (this.#plans.size >= MOST_PLANS) this.#plans.clear();
    this.#plans.set(text, plan);
    return plan;
  }

  #planned(names: readonly string[]): OutputPlan | null {
    const { collection, load } = this.#collection.described;
    const plan = planOutput(collection.schema, names, false, load?.fieldIds);
    requireLoadedFields(this.#collection.described, plan);
    if ((plan.structs ?? []).length > 0 || plan.fields.some(({ dataType }) => isVectorType(dataType))) return null;
    for (const { fieldId } of plan.fields) {
      if (this.#collection.segments.some((segment) => lentColumn(segment, fieldId, this.#keyFieldId) === undefined)) {
        this.#missing.add(fieldId);
      }
    }
    return plan.fields.some(({ fieldId }) => this.#missing.has(fieldId)) ? null : plan;
  }

  hits({ lists, sources, entries }: Merged, plan: OutputPlan): Hit[] {
    const { segments, described } = this.#collection;
    const { collection } = described;
    const rowCount = entries.length;
    if (rowCount === 0) return [];
    const from = Uint32Array.from(sources);
    const rows = Uint32Array.from(entries, (entry, at) => lists[sources[at]!]!.rows[entry]!);
    const gathered = (fieldId: bigint): Column =>
      gatherColumn(
        lists.map(({ segment }) => lentColumn(segments[segment]!, fieldId, this.#keyFieldId)!),
        from,
        rows,
      );
    const columns = new Map(plan.fields.map(({ fieldId }) => [fieldId, gathered(fieldId)]));
    const found = hitsOf({
      keys: gathered(this.#keyFieldId) as KeyColumn,
      scores: Float32Array.from(entries, (entry, at) => lists[sources[at]!]!.scores[entry]!),
      counts: Uint32Array.of(rowCount),
      primaryFieldName: primaryKeyField(collection.schema).name,
      fields: outputFields(plan, { rowCount, columns }, timeView(collection, new Map())),
    });
    return found[0] as Hit[];
  }
}
