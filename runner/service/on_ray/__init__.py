"""Execute runs on a Ray cluster: the only modules that import Ray, which is optional.

    cluster      connect, always with a token, and read the nodes
    launcher     an actor for each run hosts its worker
    node_actor   the code that is sent to the nodes
    job          submit a runner as a job
    checks       ask every node for `doctor --ray`
"""
