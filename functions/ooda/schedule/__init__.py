"""Decide: which crew repairs which fault, when, and what may wait.

A fault changes its name on the way through this function; each name is one stage:

=========  ==========================================================================================
finding    what Diagnose says of a fault
request    a finding that wants a crew, with its open order (`requests`)
work       a request that is to be planned: hours, part, day on which it is ready (`work`)
task       a work as the solver sees it: minutes, windows, prices (`build`, `solver`)
tour       what one crew does in one day: tasks in an order (`solver`)
visit      the time of one crew at one site for one job; in the crews table a booking (`visits`)
job        a finding with planning's decision and its reasons (`decisions`, `reasons`)
plan       all jobs and the bookings to be made (`plan`); as a document in S3, the schedule
=========  ==========================================================================================

docs/scheduling.md writes the model down.
"""
