"""python3 -m unittest discover -t . -s bench/harness: what the figures are computed with."""

import array
import base64
import hashlib
import hmac
import os
import tempfile
import time
import unittest
import xml.etree.ElementTree
from pathlib import Path

from bench.harness import load, postgres, rekey, svg, sysbench, table, watch


class Latencies(unittest.TestCase):
    def test_quantile_is_a_value_that_was_measured(self):
        values = [float(value) for value in range(1, 101)]
        self.assertEqual([load.quantile(values, q) for q in (0.0, 0.5, 0.99, 1.0)], [1.0, 51.0, 100.0, 100.0])

    def test_no_values_have_no_quantile(self):
        self.assertNotEqual(load.quantile([], 0.5), load.quantile([], 0.5))

    def test_only_transactions_of_the_window_count(self):
        rows = [(9.9, 1.0), (10.0, 2.0), (10.5, 4.0), (12.0, 8.0)]
        outcome = load.summarize(rows, (10.0, 12.0))
        self.assertEqual((outcome.transactions, outcome.tps), (2, 1.0))

    def test_the_gap_reaches_to_the_end_of_the_window(self):
        self.assertAlmostEqual(load.summarize([(10.1, 1.0)], (10.0, 12.0)).longest_gap, 1900.0)

    def test_several_windows_are_one_measurement_and_what_lies_between_is_no_gap(self):
        outcome = load.summarize([(10.5, 1.0), (15.0, 9.0), (20.5, 3.0)], (10.0, 11.0), (20.0, 21.0))
        self.assertEqual((outcome.transactions, outcome.tps, outcome.p99), (2, 1.0, 3.0))
        self.assertAlmostEqual(outcome.longest_gap, 500.0)

    def test_log_lines_are_read_and_skipped_ones_are_not(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "log.1").write_text("0 1 1500 0 100 250000\n1 1 skipped 0 100 300000\n")
            self.assertEqual(load.read_log(Path(folder)), [(100.25, 1.5)])


class Complaints(unittest.TestCase):
    def test_a_client_is_hurt_once_however_often_it_is_named(self):
        lines = load.client_errors("pgbench: error: client 3 aborted\nFATAL: x\npgbench: error: client 3 script 0\n")
        self.assertEqual((len(lines), load.clients_hurt(lines)), (2, 1))

    def test_a_complaint_without_a_client_counts(self):
        self.assertEqual(load.clients_hurt(["pgbench: error: connection to server failed"]), 1)


class Sysbench(unittest.TestCase):
    def test_transactions_of_all_clients_are_read_in_the_order_of_their_ends(self):
        with tempfile.TemporaryDirectory() as folder:
            for client, values in ((0, [100.0, 1.5, 102.0, 2.5]), (1, [101.0, 3.5])):
                Path(folder, f"log.{client}").write_bytes(array.array("d", values).tobytes())
            self.assertEqual(sysbench.read_records(Path(folder)), [(100.0, 1.5), (101.0, 3.5), (102.0, 2.5)])

    def test_an_error_hurts_the_client_whose_it_is(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "errors.3").write_text("2013 Lost connection\n2013 Lost connection\n")
            Path(folder, "errors.12").write_text("1053 Server shutdown in progress\n")
            output = ("Threads started!\nFATAL: mysql_drv_query() returned error 2013 (Lost connection) for query 'x'\n"
                      "FATAL: `thread_run' function failed\n")
            errors = sysbench.read_errors(Path(folder), output)
        self.assertEqual((len(errors), load.clients_hurt(errors)), (4, 3))

    def test_a_schedule_begins_with_the_load_has_its_rate_and_ends_with_its_reader(self):
        class Begun:
            def wait_for_first_transactions(self):
                self.at = time.time()

        reader, writer = os.pipe()
        run = Begun()
        schedule = sysbench.Schedule(run, 1000.0, writer)
        schedule.start()
        moments = array.array("d")
        while len(moments) < 4096:
            moments.frombytes(os.read(reader, 512))
        os.close(reader)
        schedule.join(10)
        self.assertFalse(schedule.is_alive())
        self.assertEqual(list(moments), sorted(moments))
        self.assertGreaterEqual(moments[0], run.at)
        self.assertAlmostEqual(moments[4095] - run.at, 4.096, delta=0.5)  # 8 standard deviations


class Verifier(unittest.TestCase):
    def test_of_mysql_is_what_the_server_stores(self):
        self.assertEqual(rekey.client_verifier("mysql", "password"), "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19")

    def test_has_the_keys_of_rfc_5803(self):
        scheme, parameters, keys = postgres.scram_verifier("secret", 7).split("$")
        iterations, salt = parameters.split(":")
        stored, server = (base64.b64decode(key) for key in keys.split(":"))
        salted = hashlib.pbkdf2_hmac("sha256", b"secret", base64.b64decode(salt), int(iterations))
        client = hmac.digest(salted, b"Client Key", "sha256")
        self.assertEqual((scheme, iterations), ("SCRAM-SHA-256", "7"))
        self.assertEqual(hashlib.sha256(client).digest(), stored)
        self.assertEqual(hmac.digest(salted, b"Server Key", "sha256"), server)


class ServerLog(unittest.TestCase):
    def test_counts_what_came_since_the_last_look(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "log")
            path.write_text("LOG:  connection authorized: user=app database=x\n")
            log = watch.ServerLog(path)
            with path.open("a") as more:
                more.write("LOG:  connection authorized: user=app database=x\n"
                           "LOG:  connection authorized: user=other database=x\n"
                           'FATAL:  password authentication failed for user "app"\n')
            self.assertEqual(log.counts(("app",)), {"logins": 1, "refused": 1, "refused_slots": 0})
            self.assertEqual(log.counts()["logins"], 0)


class Output(unittest.TestCase):
    def test_the_picture_is_well_formed_whatever_is_missing(self):
        picture = svg.grouped_bars("a < b", "& more", ["one", "two"], [("x", [1.0, None]), ("y", [9.0, 2.0])], "×", 1.0,
                                   {"x": 1.1}, limit=4.0)
        self.assertTrue(xml.etree.ElementTree.fromstring(picture).tag.endswith("svg"))

    def test_nothing_measured_makes_a_picture_too(self):
        xml.etree.ElementTree.fromstring(svg.grouped_bars("t", "s", ["one"], [("x", [None])]))

    def test_missing_figures_are_dashes(self):
        self.assertEqual([table.figure(value) for value in (None, float("nan"), 0.126, 12345.6)],
                         ["–", "–", "0.13", "12,346"])

    def test_median_ignores_what_is_missing(self):
        self.assertEqual(table.median([None, 3.0, 1.0, 2.0]), 2.0)


if __name__ == "__main__":
    unittest.main()
