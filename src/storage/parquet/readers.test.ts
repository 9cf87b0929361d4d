/** Our files as other programs read them: hyparquet always, pyarrow and DuckDB where there is a Python that has them. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { zstdDecompressSync } from "node:zlib";
import fc from "fast-check";
import { type ParquetReadOptions, parquetMetadata, parquetRead } from "hyparquet";
import { SystemRuntime } from "../../base/host/system.ts";
import type { Column } from "../../model/columns.ts";
import { DataType } from "../../model/types.ts";
import { vectorRowBytes } from "../../model/vectors.ts";
import type { SegmentManifest } from "../manifest.ts";
import { segmentFiles } from "../segment-reader.ts";
import { writeSegment } from "../segment-writer.ts";
import { cellsOf, doubleHex } from "../testing/cells.ts";
import { MapStore } from "../testing/map-store.ts";
import { anySegment, descriptorOf, int64Keys, sourceOf } from "../testing/random-segment.ts";
import { type FileField, elementField, isList } from "./physical.ts";

const runtime = new SystemRuntime();
const SMALL = { pageRows: 50, groupRows: 120, vectorGroupBytes: 2000 };

interface WrittenFile {
  readonly bytes: Uint8Array;
  readonly fields: readonly FileField[];
  readonly columns: readonly Column[];
}

/** Every Parquet file of some random segments, with what should be in it. */
async function writtenFiles(segmentCount: number): Promise<WrittenFile[]> {
  const files: WrittenFile[] = [];
  for (const segment of fc.sample(anySegment, { numRuns: segmentCount, seed: 20_260 })) {
    const store = new MapStore();
    const source = sourceOf(segment);
    const deltas = { keys: int64Keys([1n, -5n]), timestamps: BigUint64Array.of(1n, 2n), upperBounds: null };
    const descriptor = descriptorOf(segment.schema, { fileOptions: SMALL, deltas });
    const manifest = await writeSegment(store, runtime, descriptor, source);
    const system = await segmentFiles(store, runtime, manifest).readSystem();
    const systemColumns: [bigint, Column][] = [
      [0n, { kind: "fixed", type: DataType.Int64, values: system.rowIds, valid: null }],
      [1n, int64Keys([...system.timestamps])],
    ];
    const columns = new Map<bigint, Column>([...systemColumns, ...segment.columns]);
    files.push(...groupFiles(store, manifest, columns), ...deltaFiles(store, manifest));
  }
  return files;
}

function groupFiles(store: MapStore, manifest: SegmentManifest, columns: ReadonlyMap<bigint, Column>): WrittenFile[] {
  return manifest.groups.map(({ file }) => ({
    bytes: store.files.get(file.key)!,
    fields: file.fieldIds.map((id) => manifest.fields.find((field) => field.fieldId === id)!),
    columns: file.fieldIds.map((id) => columns.get(id)!),
  }));
}

function deltaFiles(store: MapStore, manifest: SegmentManifest): WrittenFile[] {
  const plain = { dataType: DataType.Int64, elementType: DataType.None, dimension: 0, nullable: false };
  return manifest.deltas.map(({ file }) => ({
    bytes: store.files.get(file.key)!,
    fields: [
      { ...plain, fieldId: 100n, name: "pk" },
      { ...plain, fieldId: 1n, name: "ts" },
    ],
    columns: [int64Keys([1n, -5n]), int64Keys([1n, 2n])],
  }));
}

test("hyparquet reads what we write", async () => {
  const files = await writtenFiles(25);
  assert.ok(files.length > 50);
  for (const { bytes, fields, columns } of files) {
    const buffer = Uint8Array.from(bytes).buffer;
    const metadata = parquetMetadata(buffer);
    assert.deepEqual(
      metadata.schema
        .filter((element) => element.field_id !== undefined)
        .map((element) => [element.field_id, element.name, element.repetition_type]),
      fields.map((field) => [Number(field.fieldId), field.name, field.nullable ? "OPTIONAL" : "REQUIRED"]),
    );
    const read = new Map<string, (string | null)[]>(fields.map((field) => [field.name, []]));
    const floats = new Set(fields.filter(holdsFloats).map((field) => field.name));
    const options: ParquetReadOptions = {
      file: buffer,
      metadata,
      utf8: false,
      compressors: { ZSTD: (input, length) => (length === 0 ? new Uint8Array(0) : zstdDecompressSync(input)) },
      onChunk: (chunk) => {
        const cells = read.get(chunk.columnName)!;
        for (let at = 0; at < chunk.columnData.length; at += 1)
          cells[chunk.rowStart + at] = foreignCell(chunk.columnData[at], floats.has(chunk.columnName));
      },
    };
    await parquetRead(options);
    for (const [at, field] of fields.entries()) {
      assert.deepEqual(read.get(field.name), cellsOf(columns[at]!), `${field.name} of type ${field.dataType}`);
    }
  }
});

function holdsFloats({ dataType, elementType }: FileField): boolean {
  const type = dataType === DataType.Array ? elementType : dataType;
  return type === DataType.Float || type === DataType.Double;
}

function foreignCell(value: unknown, isFloat: boolean): string | null {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return JSON.stringify(value.map((element) => foreignCell(element, isFloat)));
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  return isFloat ? doubleHex(Number(value)) : String(value);
}

interface ForeignField {
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
  readonly fieldId: string;
  readonly ipcType: string;
  readonly ipcNullable: boolean;
  readonly ipcFieldId: string;
  readonly nulls: number;
  readonly bounds: readonly (readonly [string, string])[];
  readonly cells: readonly (string | null)[];
}

const ARROW_TYPES = new Map<number, string>([
  [DataType.Bool, "bool"],
  [DataType.Int8, "int8"],
  [DataType.Int16, "int16"],
  [DataType.Int32, "int32"],
  [DataType.Int64, "int64"],
  [DataType.Timestamptz, "int64"],
  [DataType.Float, "float"],
  [DataType.Double, "double"],
  [DataType.VarChar, "string"],
  [DataType.Text, "string"],
  [DataType.JSON, "binary"],
  [DataType.SparseFloatVector, "binary"],
]);

function arrowType(field: FileField): string {
  if (isList(field)) return `list<element: ${arrowType(elementField(field))} not null>`;
  return ARROW_TYPES.get(field.dataType) ?? `fixed_size_binary[${vectorRowBytes(field.dataType, field.dimension)}]`;
}

const root = fileURLToPath(new URL("../../../", import.meta.url));
const python = process.env["ELANUS_TEST_PYTHON"] ?? join(root, ".venv/bin/python");
const hasPyarrow = spawnSync(python, ["-c", "import pyarrow.parquet"]).status === 0;
const reason = `NOT RUN: ${python} is no Python with pyarrow (python3 -m venv .venv && .venv/bin/pip install pyarrow duckdb)`;

test("pyarrow and DuckDB read what we write", { skip: hasPyarrow ? false : reason }, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "elanus-parquet-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const files = await writtenFiles(25);
  const paths = files.map((file, at) => {
    const path = join(folder, `${at}.parquet`);
    writeFileSync(path, file.bytes);
    return path;
  });
  const script = fileURLToPath(new URL("../testing/read_with_pyarrow.py", import.meta.url));
  const run = spawnSync(python, [script], { input: JSON.stringify(paths), maxBuffer: 1 << 28, encoding: "utf8" });
  assert.equal(run.status, 0, run.stderr);
  const results = JSON.parse(run.stdout) as { fields: ForeignField[]; duckdb: (string | null)[][] | null }[];
  assert.equal(results.length, files.length);
  let bounded = 0;
  for (const [at, { fields, columns }] of files.entries()) {
    for (const [index, field] of fields.entries()) {
      const foreign = results[at]!.fields[index]!;
      const type = arrowType(field);
      const { name, nullable } = field;
      const fieldId = field.fieldId.toString();
      const cells = cellsOf(columns[index]!);
      const { bounds, ...facts } = foreign;
      assert.deepEqual(facts, {
        name,
        type,
        nullable,
        fieldId,
        ipcType: type,
        ipcNullable: nullable,
        ipcFieldId: fieldId,
        nulls: cells.filter((cell) => cell === null).length,
        cells,
      });
      if (type === "int64" && bounds.length > 0) {
        const numbers = cells
          .filter((cell) => cell !== null)
          .map(BigInt)
          .toSorted((a, b) => (a < b ? -1 : 1));
        const ends = bounds
          .flat()
          .map(BigInt)
          .toSorted((a, b) => (a < b ? -1 : 1));
        assert.deepEqual([ends[0], ends.at(-1)], [numbers[0], numbers.at(-1)]);
        bounded += 1;
      }
      const duck = results[at]!.duckdb;
      if (duck !== null) assert.deepEqual(duck[index], cells, `DuckDB, ${name} of type ${type}`);
    }
  }
  assert.ok(bounded > 20, "columns of numbers have bounds");
});
