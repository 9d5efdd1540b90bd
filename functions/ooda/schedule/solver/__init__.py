"""The solver: it plans tasks, shifts and tours, and knows nothing of faults, crews or S3.

=============  =======================================================================================
`problem`      what is to be planned: tasks, shifts, ways, windows
`tours`        what one tour costs, and how it changes when a task is added or taken out
`solution`     tours put together: a tour for each shift that is used, and the tasks left out
`search`       good solutions by ruin and recreate
`partition`    the best choice among tours that were met (integer programming)
`bounds`       what the rest of a tour costs at least
`pricing`      the tours that the linear relaxation still lacks
`proof`        how good any solution can be, and the best one where that can be proven
`dispatch`     what a simple rule would do instead
`solve`        all of it within a budget
=============  =======================================================================================
"""
